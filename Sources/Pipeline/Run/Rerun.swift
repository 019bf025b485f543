import Foundation
public import Store

/// Reading an earlier run's scans again with another model.
public enum Rerun {
    /// The pipeline and options that read what `run` read.
    ///
    /// The pipeline file is read anew where it still is; otherwise the text that the run kept stands in. The report gets a
    /// folder and a file of its own, named after the variant.
    /// - Throws: `PipelineError`, also when the run has read nothing.
    public static func prepare(
        _ run: RunRecord, in store: StudyStore, options: RunOptions
    ) throws(PipelineError) -> (PipelineFile, RunOptions) {
        var pipeline =
            FileManager.default.fileExists(atPath: run.pipelinePath)
            ? try PipelineFile.read(run.pipelinePath)
            : try PipelineFile.parse(run.pipelineYAML, path: run.pipelinePath, shownAs: run.pipelinePath)
        let entries: [EntryRecord]
        do throws(StoreError) {
            entries = try store.entries(run: run.id)
            try store.close()
        } catch {
            throw .store(error)
        }
        let paths = entries.filter { $0.outcome == .read }.map(\.path)
        guard !paths.isEmpty else { throw .usage("run \(run.id) has read no scan, so there is nothing to read again") }
        let name = options.variant?.rawValue ?? "rerun"
        pipeline.report.html = pipeline.report.html.map { $0 + "/" + name }
        func named(_ path: String) -> String {
            let file = URL(fileURLWithPath: path)
            let end = file.pathExtension.isEmpty ? "" : "." + file.pathExtension
            return file.deletingPathExtension().path + "-" + name + end
        }
        pipeline.report.csv = pipeline.report.csv.map(named)
        pipeline.report.groupsCSV = pipeline.report.groupsCSV.map(named)
        var options = options
        options.store = store.path
        options.rerun = RerunSource(run: run.id, paths: paths)
        return (pipeline, options)
    }
}
