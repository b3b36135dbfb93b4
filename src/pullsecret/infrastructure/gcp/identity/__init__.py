"""Signing in to Google Cloud without keys, and acting as the customer's service account."""
