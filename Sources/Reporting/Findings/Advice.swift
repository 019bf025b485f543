/// What a user can do about a file that was not read.
enum Advice {
    /// - Parameter kind: `FailureRecord.kind`.
    static func text(kind: String) -> String {
        switch kind {
        case "empty": "The file has no content. Copy it again from its source."
        case "truncated": "The file ends too early. Copy it again from its source."
        case "corrupt": "The file contradicts itself. Copy it again; if it stays so, export it anew."
        case "unrecognised": "Not a scan in a known format. Move it away, or leave it out with a pattern."
        case "unsupported":
            "A kind of image that is not read. Documentation/FORMATS.md says which are; convert it to one of them."
        case "over-limit":
            "Larger than the pipeline's limits. Raise them there if the file is meant to be read."
        case "unusable": "It has no sample that a picture can be made of. Look at it with another program."
        case "memory": "Reading it took more memory than a scan may. Raise the limit, or treat the file with care."
        case "timeout": "It took longer than a scan may. Raise the time limit, or treat the file with care."
        case "crash": "Reading it ended a process. Treat the file with care; after two such runs it is quarantined."
        case "unreadable": "Let the account that runs this program read the file."
        case "io": "Check the disk or the network mount that the file lies on."
        case "vanished", "changing": "Run again once nobody writes there any more."
        default: "Look at the reason; run again once the cause is gone."
        }
    }
}
