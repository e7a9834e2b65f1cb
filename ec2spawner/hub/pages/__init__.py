"""What users see on the Hub's own pages: facts, notices, and templates."""
