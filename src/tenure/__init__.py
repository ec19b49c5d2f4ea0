"""Tenure: an account lives exactly as long as the tenure it is for."""

__version__ = "0.1.0"
