import CContainers

/// A zip archive in memory, over libzip.
final class ZipArchive {
    /// An entry, by its number.
    struct Entry {
        let index: UInt64
        let name: String
        let size: Int
    }

    private let archive: OpaquePointer
    /// All entries, in the archive's order.
    let entries: [Entry]
    private let byName: [String: Int]

    /// `bytes` must stay as long as the archive is used.
    init(_ bytes: UnsafeRawBufferPointer) throws(ContainerError) {
        var failure = nr_container_failure()
        var opened: OpaquePointer?
        guard nr_zip_open(bytes.baseAddress, bytes.count, &opened, &failure) == 1, let opened else {
            throw ContainerError(failure.text)
        }
        archive = opened
        var entries: [Entry] = []
        var byName: [String: Int] = [:]
        var total: UInt64 = 0
        do throws(ContainerError) {
            for index in 0..<nr_zip_count(opened) {
                var name: UnsafePointer<CChar>?
                var size: UInt64 = 0
                guard nr_zip_entry(opened, index, &name, &size, &failure) == 1, let name else {
                    throw ContainerError(failure.text)
                }
                let text = String(cString: name)
                let (sum, overflow) = total.addingReportingOverflow(size)
                guard !overflow, sum <= UInt64(ContainerReader.sizeLimit) else {
                    throw ContainerError(
                        "entry \(text) of the archive unpacks to \(size) bytes: expected at most "
                            + "\(ContainerReader.sizeLimit) bytes in all entries together")
                }
                total = sum
                guard byName[text] == nil else { throw ContainerError("entry \(text) is in the archive twice") }
                byName[text] = entries.count
                entries.append(Entry(index: index, name: text, size: Int(size)))
            }
        } catch {
            nr_zip_close(opened)
            throw error
        }
        self.entries = entries
        self.byName = byName
    }

    deinit { nr_zip_close(archive) }

    /// The entry of a name.
    subscript(name: String) -> Entry? { byName[name].map { entries[$0] } }

    /// Unpacks an entry whose size was compared with what is expected.
    func read(_ entry: Entry) throws(ContainerError) -> UnsafeRawBufferPointer.Owned {
        let memory = UnsafeRawBufferPointer.Owned(count: entry.size)
        var failure = nr_container_failure()
        guard nr_zip_read(archive, entry.index, memory.bytes.baseAddress, entry.size, &failure) == 1 else {
            throw ContainerError(failure.text)
        }
        return memory
    }

    /// Unpacks a text of at most `limit` bytes.
    func text(_ entry: Entry, limit: Int) throws(ContainerError) -> String {
        guard entry.size <= limit else {
            throw ContainerError("entry \(entry.name): expected at most \(limit) bytes, found \(entry.size)")
        }
        let memory = try read(entry)
        guard let text = String(validating: memory.bytes, as: UTF8.self) else {
            throw ContainerError("entry \(entry.name): expected text in UTF-8, found other bytes")
        }
        return text
    }
}

extension UnsafeRawBufferPointer {
    /// Memory that goes with its last owner.
    final class Owned {
        let bytes: UnsafeMutableRawBufferPointer

        init(count: Int) { bytes = .allocate(byteCount: count, alignment: 16) }

        deinit { bytes.deallocate() }
    }
}

extension nr_container_failure {
    /// The message, whatever bytes are there: never read past its end, never anything but UTF-8.
    var text: String {
        withUnsafeBytes(of: message) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
