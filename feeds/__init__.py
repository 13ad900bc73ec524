"""feeds: article files in, clean RSS, Atom and JSON feeds out."""

__version__ = "0.2.0"
