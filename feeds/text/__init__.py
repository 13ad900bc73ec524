"""Work on strings: plain text, URLs, dates, search terms, file names, HTML diffs.

Pure.
"""
