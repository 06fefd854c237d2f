"""From training rows to a blended model: learners, ensemble, validation, calibration."""
