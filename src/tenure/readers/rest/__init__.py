"""People from any HR system with an interface over HTTP, by a specification in YAML."""

from tenure.readers.rest.reader import RestReader

__all__ = ["RestReader"]
