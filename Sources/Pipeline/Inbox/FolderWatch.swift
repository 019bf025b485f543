import CSystem
import Foundation

/// File events of folders and everything below them, new sub-folders included.
///
/// Events only make things sooner: they may be lost, and network mounts send none of other machines' writes.
final class FolderWatch {
    /// What happened.
    enum Event: Hashable {
        /// Something at this path is new or was written to.
        case touched(path: String, isFolder: Bool)
        /// Events were lost, or a watched folder moved: look at everything again.
        case lost
    }

    let descriptor: Descriptor
    private var folders: [Int32: String] = [:]
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init() throws(PipelineError) {
        var number: Int32 = -1
        let error = nr_watch_open(&number)
        guard error == 0 else { throw .system(action: "watching folders", code: error) }
        descriptor = Descriptor(number)
    }

    /// Watches one folder (not what is below it). A folder that is watched already stays so.
    ///
    /// - Returns: nil, or why it cannot be watched (the rescan will find what it holds).
    func add(_ folder: String) -> String? {
        var watch: Int32 = -1
        let error = nr_watch_add(descriptor.number, folder, &watch)
        guard error == 0 else {
            return error == ENOSPC
                ? "\(folder): too many watched folders (fs.inotify.max_user_watches); new files are found by the rescan"
                : "\(folder): cannot be watched: \(systemMessage(error))"
        }
        folders[watch] = folder
        return nil
    }

    /// Everything that happened since the last call.
    func events() -> [Event] {
        var events: [Event] = []
        while true {
            let count = read(descriptor.number, &buffer, buffer.count)
            guard count > 0 else { return events }
            var offset = 0
            var event = nr_watch_event()
            buffer.withUnsafeBufferPointer { bytes in
                while nr_watch_next(bytes.baseAddress, count, &offset, &event) != 0 {
                    if let event = interpret(event) { events.append(event) }
                }
            }
        }
    }

    private func interpret(_ event: nr_watch_event) -> Event? {
        if event.flags & UInt32(NR_WATCH_OVERFLOW.rawValue) != 0 { return .lost }
        if event.flags & UInt32(NR_WATCH_GONE.rawValue) != 0 {
            guard folders.removeValue(forKey: event.watch) != nil else { return nil }
            // A folder that was only moved is still watched, under a name that is not its own any more.
            _ = nr_watch_remove(descriptor.number, event.watch)
            return .lost
        }
        guard let folder = folders[event.watch], let name = String(validatingCString: event.name), !name.isEmpty else {
            return nil
        }
        return .touched(path: folder + "/" + name, isFolder: event.flags & UInt32(NR_WATCH_FOLDER.rawValue) != 0)
    }
}
