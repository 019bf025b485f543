"""Writes decoders.tsv: the SHA-256 of the samples of every frame of the PNG, TIFF and JPEG corpora, by other programs than ours.

    pip install pillow pypng tifffile imagecodecs && python make_decoders.py ../../../../shared/data/decoders > decoders.tsv

Pillow 13 where it gives the stored samples; pypng for 16-bit colour PNG, which Pillow reduces to 8 bits; tifffile for what Pillow does not
read. A file of which two of them have different opinions, or none has one, is left out and named on the error output. Orientation is applied, CMYK is made
RGB by Pillow, alpha stays, and min-is-white samples stay as stored (flag 1; flag 2: alpha, flag 4: lossy).
"""
