"""Define the values and errors that every package speaks. Pure; it imports only `text`."""
