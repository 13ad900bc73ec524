"""Request other servers safely: bounded in time and bytes, within a network policy."""
