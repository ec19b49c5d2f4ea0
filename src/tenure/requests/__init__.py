"""People ask for access that no rule gives; somebody decides; what is given ends by itself."""
