"""Supernets and the strategies that search them."""
