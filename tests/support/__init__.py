"""What several tests share: samples, servers and programs that they drive, rules of formats."""
