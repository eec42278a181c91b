"""Calibration: from tables of published measurements to the figures of the performance model, and how far it is off.

`tables` reads rows, `names` finds the card and the accelerator that a row speaks of, `llm_rows`, `request_rows` and
`training_rows` say what the model predicts for a row, `fit` adjusts the figures, `score` states the errors.
"""
