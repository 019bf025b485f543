import Crypto

/// Lower-case hexadecimal of a digest: how packages and readings name content.
func hexadecimal(_ digest: SHA256.Digest) -> String {
    digest.map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
}
