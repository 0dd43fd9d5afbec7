"""Looking up or multiplying factors: which engine computes a product."""
