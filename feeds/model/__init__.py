"""Define the values and errors that all packages share. Pure; imports only `text`."""
