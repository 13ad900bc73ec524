"""Clean articles: Draft and Recipe to Article and Receipt, by rules, packs and tracking lists. Pure."""
