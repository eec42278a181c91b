"""What one model does on one accelerator, without an instance: options, reasons, curves.

It joins the library (names to records), the performance model and the rules of the candidates, so that an option that
is refused here is refused in `solve` for the same reason.
"""
