/// Keras' containers: `.keras` (a zip archive with the model as JSON and the weights in HDF5) and `.h5`.
enum KerasContainer {
    /// A model as JSON; B7's has half a megabyte.
    static let configLimit = 32 << 20

    /// A `.keras` archive.
    static func read(_ archive: ZipArchive) throws(ContainerError) -> Contents {
        guard let config = archive["config.json"], let weights = archive["model.weights.h5"] else {
            throw ContainerError("expected config.json and model.weights.h5 in the archive")
        }
        let json = try archive.text(config, limit: configLimit)
        let memory = try archive.read(weights)
        let file = try HDF5File(UnsafeRawBufferPointer(memory.bytes), owner: memory)
        return try contents(file, format: .kerasArchive, config: json)
    }

    /// An `.h5` file of either kind.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(ContainerError) -> Contents {
        let file = try HDF5File(bytes)
        return try contents(file, format: .hdf5, config: try file.text("model_config", limit: configLimit))
    }

    private static func contents(
        _ file: HDF5File, format: SourceNotes.Format, config: String?
    ) throws(ContainerError) -> Contents {
        var notes = SourceNotes(format: format, config: config, layers: file.labels)
        let entries = try file.entries(passedOver: &notes.passedOver)
        return Contents(notes: notes, entries: entries)
    }
}
