"""Sentiment analysis of customers' texts."""
