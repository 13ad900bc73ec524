"""Define the commands of the `feeds` program."""
