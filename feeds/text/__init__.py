"""Work on strings: plain text, URLs, dates, search terms, file names, differences of HTML. Pure."""
