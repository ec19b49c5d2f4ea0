"""Corporate addresses and user names that go back into the records of HR."""
