"""Writes tones.json: what pydicom makes of stored samples by rescale, lookup tables, windows and palettes.

    pip install pydicom numpy && python make_tones.py > tones.json

A case has the stored samples, the tone, and the expected intensities in 0...1 (palettes: RGB of each sample). Made with pydicom 3.0.
"""
import json

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing

TYPES = {"u8": np.uint8, "u16": np.uint16, "i8": np.int8, "i16": np.int16}
cases = []


def header(sample, bits):
    ds = Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelRepresentation = int(sample[0] == "i")
    ds.BitsStored, ds.BitsAllocated = bits, 8 if sample[1:] == "8" else 16
    return ds


def table(entries, first, bits, signed):
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(entries), first, bits])
    item.add_new(0x00283006, "US", entries)
    return item


def modality_of(ds, tone):
    if "modality" in tone:
        t = tone["modality"]
        ds.ModalityLUTSequence = [table(t["entries"], t["first"], t["bits"], ds.PixelRepresentation == 1)]
    else:
        ds.RescaleSlope, ds.RescaleIntercept = tone.get("slope", 1), tone.get("intercept", 0)


def window(name, stored, sample, bits, tone, center, width, function):
    ds = header(sample, bits)
    modality_of(ds, tone)
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, function
    values = apply_modality_lut(np.array(stored, TYPES[sample]), ds)
    # Far outside on both sides: what pydicom's output range is. A sigmoid comes as near as makes no difference.
    values = np.concatenate([values.astype(np.float64), [-1e7, 1e7]])
    out = apply_windowing(values, ds)
    low, high = out[-2], out[-1]
    cases.append(dict(name=name, stored=stored, sample=sample, bits=bits, tone=tone,
                      window=dict(center=center, width=width, function=function),
                      expected=[float((v - low) / (high - low)) for v in out[:-2]]))


def voi(name, stored, sample, bits, tone, lut, signed):
    ds = header(sample, bits)
    modality_of(ds, tone)
    ds.VOILUTSequence = [table(lut["entries"], lut["first"], lut["bits"], signed)]
    values = apply_modality_lut(np.array(stored, TYPES[sample]), ds)
    out = apply_voi(values if tone.get("slope", 1) % 1 else values.astype(np.int32), ds)
    cases.append(dict(name=name, stored=stored, sample=sample, bits=bits, tone=tone, voi=lut,
                      expected=[float(v) / (2 ** lut["bits"] - 1) for v in out]))


def palette(name, stored, sample, bits, luts):
    ds = header(sample, bits)
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for colour, lut in zip(("Red", "Green", "Blue"), luts):
        setattr(ds, colour + "PaletteColorLookupTableDescriptor", [len(lut["entries"]), lut["first"], lut["bits"]])
        kind = np.uint8 if lut["bits"] == 8 else np.uint16
        data = np.array(lut["entries"], kind).tobytes()
        setattr(ds, colour + "PaletteColorLookupTableData", data + b"\0" * (len(data) % 2))
    out = apply_color_lut(np.array(stored, TYPES[sample]), ds)
    cases.append(dict(name=name, stored=stored, sample=sample, bits=bits, tone={}, palette=luts,
                      expected=[float(v) / (2 ** luts[0]["bits"] - 1) for v in out.reshape(-1)]))


CT = dict(slope=1, intercept=-1024)
stored = [0, 1, 200, 423, 424, 425, 1000, 1173, 1174, 1175, 4095]
for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
    window("lung window " + function, stored, "u16", 12, CT, -600, 1500, function)
    window("odd window " + function, [-900, -50, -3, 0, 7, 12, 40, 900], "i16", 16, {}, 7.5, 35, function)
window("width 1", [0, 99, 100, 101, 255], "u8", 8, {}, 100, 1, "LINEAR")
window("width 2", [0, 98, 99, 100, 101, 255], "u8", 8, {}, 100, 2, "LINEAR")
for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
    window("negative slope " + function, [0, 10, 20, 30, 40, 100, 255], "u8", 8, dict(slope=-2.5, intercept=100), 25, 60,
           function)
ramp = dict(entries=[5, 50, 500, 5000, 60000], first=3, bits=16)
window("modality LUT", [0, 2, 3, 4, 5, 6, 7, 8, 200], "u8", 8, dict(modality=ramp), 1000, 3000, "LINEAR_EXACT")
signed = dict(entries=[10, 20, 40, 80, 160, 250], first=-4, bits=8)
window("modality LUT with a signed first value", [-100, -5, -4, -3, -1, 0, 1, 2, 100], "i8", 8, dict(modality=signed), 100,
       180, "LINEAR")
window("modality LUT that falls", [0, 1, 2, 3], "u16", 12, dict(modality=dict(entries=[4000, 3000, 100, 0], first=0, bits=16)),
       2000, 4000, "SIGMOID")
curve = dict(entries=[0, 100, 400, 900, 1600, 2500, 3600, 4095], first=10, bits=12)
voi("VOI LUT", [0, 9, 10, 11, 14, 16, 17, 18, 4095], "u16", 12, {}, curve, False)
dark = dict(entries=[7, 77, 177, 255], first=-1000, bits=8)
voi("VOI LUT of Hounsfield units", [0, 23, 24, 25, 26, 27, 28, 4095], "u16", 12, CT, dark, True)
voi("VOI LUT after a fractional slope", [0, 20, 21, 22, 23, 30, 255], "u8", 8, dict(slope=0.5, intercept=0.0), curve, False)
voi("VOI LUT after a modality LUT", [0, 3, 4, 5, 255], "u8", 8,
    dict(modality=dict(entries=[9, 11, 13, 15], first=2, bits=8)), curve, False)
luts8 = [dict(entries=[(i * k + o) % 256 for i in range(50)], first=f, bits=8) for k, o, f in ((7, 0, 4), (3, 50, 4), (11, 9, 4))]
palette("palette of 8 bits", [0, 3, 4, 5, 30, 53, 54, 255], "u8", 8, luts8)
luts16 = [dict(entries=[(i * k + o) % 65536 for i in range(60)], first=0, bits=16) for k, o in ((1100, 0), (333, 50), (111, 9))]
palette("palette of 16 bits", [0, 1, 2, 30, 59, 60, 65535], "u16", 16, luts16)
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
