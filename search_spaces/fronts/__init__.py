"""Fronts: from raw shots to features on the image's grid."""
