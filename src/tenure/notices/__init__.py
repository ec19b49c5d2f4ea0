"""Telling administrators elsewhere what waits for them: by e-mail, and by webhook."""
