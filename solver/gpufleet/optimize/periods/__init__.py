"""Many periods: a bound from few merged ones, and plans that are found period by period."""
