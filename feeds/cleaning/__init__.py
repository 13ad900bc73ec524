"""Clean articles: make an Article and a Receipt of a Draft and a Recipe. Pure.

The work is done by rules, packs and tracking lists.
"""
