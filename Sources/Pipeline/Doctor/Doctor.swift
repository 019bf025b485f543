import CCodecs
import CSystem
import EfficientNet
import Foundation
import Store
import Tensors

/// One thing that `doctor` looked at.
public struct Check: Sendable, Equatable {
    /// How it is.
    public enum State: String, Sendable, Hashable {
        /// As it should be.
        case ok
        /// Worth knowing; a run works all the same.
        case warn
        /// A run would fail tonight.
        case fail
    }

    /// How it is.
    public let state: State
    /// What was looked at, in a word or two.
    public let subject: String
    /// What was found, and what to do about it.
    public let text: String
    /// What a run would fail with; nil unless `state` is `.fail`.
    public let error: PipelineError?

    init(_ state: State, _ subject: String, _ text: String) {
        self.state = state
        self.subject = subject
        self.text = text
        error = nil
    }

    init(_ subject: String, _ error: PipelineError) {
        state = .fail
        self.subject = subject
        text = "\(error)"
        self.error = error
    }
}

/// Looks at everything that a night depends on, before the night.
public enum Doctor {
    /// The machine and the program's libraries.
    public static func examineMachine(version: String) -> [Check] {
        var checks = [Check(.ok, "program", "nightread \(version)")]
        let available = InstructionSet.available.map(\.rawValue).joined(separator: ", ")
        do throws(TensorError) {
            let selected = try InstructionSet.selected()
            checks.append(
                Check(
                    .ok, "processor",
                    "kernels: \(selected.rawValue) (available: \(available)); bfloat16: "
                        + (Precision.bf16.runs(on: selected) ? "yes" : "no, computed in float")))
        } catch {
            checks.append(Check("processor", .usage("\(error)")))
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let memory = ProcessInfo.processInfo.physicalMemory
        checks.append(Check(.ok, "machine", "\(cores) cores, \(ByteSize.text(memory)) of memory"))
        let tiff = String(cString: nr_libtiff_version()).split(separator: "\n").first ?? ""
        let numbers = tiff.replacing("LIBTIFF, Version ", with: "")
        checks.append(
            Check(
                .ok, "libraries",
                "libpng \(String(cString: nr_libpng_version())), libtiff \(numbers), "
                    + "DCMTK \(String(cString: nr_dcmtk_version())), OpenJPEG \(String(cString: nr_openjpeg_version())), "
                    + "SQLite \(StudyStore.sqliteVersion)"
            ))
        return checks
    }

    /// Everything that the pipeline file at `path` needs tonight.
    public static func examine(_ path: String) -> [Check] {
        let pipeline: PipelineFile
        do throws(PipelineError) {
            pipeline = try PipelineFile.read(path)
        } catch {
            if case .invalidFile(let problems) = error {
                return problems.map { Check("pipeline", .invalidFile([$0])) }
            }
            return [Check("pipeline", error)]
        }
        var checks = [Check(.ok, "pipeline", "\(path): study \(pipeline.study)")]
        checks += pipeline.inputs.map(input)
        checks += pipeline.models.map { model($0, of: pipeline) }
        checks += processes(pipeline)
        checks += store(pipeline)
        checks.append(identifiers(pipeline))
        checks += outputs(pipeline)
        return checks
    }

    private static func input(_ input: PipelineFile.Input) -> Check {
        var candidates = 0
        var skipped = 0
        var failures: [InboxItem] = []
        for item in InboxWalker(inputs: [input]).walk() {
            switch item.kind {
            case .candidate: candidates += 1
            case .skipped: skipped += 1
            case .failed: failures.append(item)
            }
        }
        let counts = "\(input.path): \(candidates) scans, \(skipped) files left alone"
        if let first = failures.first, case .failed(let failure) = first.kind {
            if first.path == input.path {
                return Check(
                    "input", .missing(what: "the input", path: input.path, cause: failure.reason))
            }
            return Check(
                .warn, "input",
                "\(counts), \(failures.count) folders that cannot be listed, the first \(first.path): \(failure.reason)"
            )
        }
        if candidates == 0 {
            let advice =
                input.patterns.isEmpty
                ? "the folder is empty" : "check patterns (\(input.patterns.joined(separator: " ")))"
            return Check(.warn, "input", "\(counts); \(advice)")
        }
        return Check(.ok, "input", counts)
    }

    private static func model(_ model: PipelineFile.Model, of pipeline: PipelineFile) -> Check {
        do throws(PipelineError) {
            let loaded = try LoadedModel(pipeline, variant: model.variant)
            let test = try ModelCheck.selfTest(loaded, limits: pipeline.limits, program: ChildProgram())
            let name = "\(loaded.record.name) (\(loaded.record.variant)), digest \(loaded.record.digest)"
            guard loaded.notes.isEmpty else {
                return Check(.warn, "model", "\(name): \(loaded.notes.joined(separator: "; "))")
            }
            guard let test else {
                return Check(.warn, "model", "\(name): no self-test in the package; export it with one")
            }
            return Check(
                .ok, "model",
                "\(name): self-test passed on \(test.cases) pictures in \(test.precision.rawValue)"
                    + (loaded.abstains ? "; makes no call of scans unlike its training's" : ""))
        } catch {
            return Check("model", error)
        }
    }

    /// Whether a decoder comes up with the pipeline's limits, and what holds it.
    private static func processes(_ pipeline: PipelineFile) -> [Check] {
        let confinement: Confinement?
        do throws(PipelineError) {
            let planes = try Planes(capacity: pipeline.limits.scan.maxPlaneBytes)
            let cancel = try Flag()
            do throws(ChildFailure) {
                let decoder = try DecoderProcess(program: ChildProgram(), cancel: cancel)
                try decoder.probe(planes)
                confinement = decoder.confinement
            } catch {
                throw PipelineError.processes(reason: "the decoder process does not work: \(error)")
            }
        } catch {
            return [Check("decoder", error)]
        }
        return [Check(.ok, "decoder", "starts, and refuses what is no scan"), sandbox(confinement)]
    }

    /// What a decoder that is taken over could still do.
    static func sandbox(_ confinement: Confinement?) -> Check {
        guard let confinement else { return Check(.warn, "sandbox", "not known") }
        guard !confinement.isComplete else { return Check(.ok, "sandbox", "decoders: \(confinement)") }
        let left =
            confinement.filtersCalls
            ? "files are closed to decoders by the filter alone"
            : confinement.landlockVersion > 0
                ? "a decoder that a scan takes over could open sockets and start programs"
                : "a decoder that a scan takes over could do whatever this user may"
        return Check(
            .warn, "sandbox",
            "decoders: \(confinement): \(left); use a kernel of 5.13 or newer with landlock and seccomp")
    }

    private static func store(_ pipeline: PipelineFile) -> [Check] {
        var checks: [Check] = []
        let file = URL(fileURLWithPath: pipeline.store)
        if FileManager.default.fileExists(atPath: file.path) {
            do throws(StoreError) {
                let store = try StudyStore.openForReading(file)
                let runs = try store.runs()
                let last = runs.first.map { ", the last \($0.id) (\($0.status.rawValue))" } ?? ""
                checks.append(Check(.ok, "store", "\(file.path): \(runs.count) runs\(last)"))
                try store.close()
            } catch {
                checks.append(Check("store", .store(error)))
            }
            if isLocked(file.path + ".lock") {
                checks.append(
                    Check(.warn, "store", "\(file.path): a run is writing it now; another has to wait for its end"))
            }
        } else {
            checks.append(Check(.ok, "store", "\(file.path): will be made"))
        }
        checks.append(space(for: "store", folder: file.deletingLastPathComponent(), floor: pipeline.freeSpace))
        checks.append(writable("store", folder: file.deletingLastPathComponent()))
        return checks
    }

    /// How patients are named, and whether the key is there that pseudonyms need.
    private static func identifiers(_ pipeline: PipelineFile) -> Check {
        let store = try? StudyStore.openForReading(URL(fileURLWithPath: pipeline.store))
        let chosen = try? store?.identifiers()
        if let chosen, chosen.policy != pipeline.identifiers {
            return Check(
                "identifiers",
                .store(.identifiers(path: pipeline.store, chosen: chosen.policy, wanted: pipeline.identifiers)))
        }
        if pipeline.identifiers == .keep {
            return Check(
                .warn, "identifiers",
                "keep: PatientID and UIDs go to the store, its reports and its audit log as they are in the files")
        }
        let path = pipeline.pseudonymKey(store: pipeline.store)
        guard chosen != nil || FileManager.default.fileExists(atPath: path) else {
            return Check(.ok, "identifiers", "pseudonyms; the key \(path) is made with the store")
        }
        do throws(PipelineError) {
            _ = try PseudonymKey(file: path, make: false)
            return Check(.ok, "identifiers", "pseudonyms, with the key \(path)")
        } catch {
            return Check("identifiers", error)
        }
    }

    private static func outputs(_ pipeline: PipelineFile) -> [Check] {
        let folders = [
            pipeline.report.html.map { URL(fileURLWithPath: $0) },
            pipeline.report.csv.map { URL(fileURLWithPath: $0).deletingLastPathComponent() },
            pipeline.report.groupsCSV.map { URL(fileURLWithPath: $0).deletingLastPathComponent() },
        ]
        return Set(folders.compactMap { $0 }).sorted { $0.path < $1.path }.flatMap { folder in
            [writable("report", folder: folder), space(for: "report", folder: folder, floor: 16 << 20)]
        }
    }

    /// The nearest folder above (or at) `folder` that exists; a run makes the rest.
    private static func existing(_ folder: URL) -> URL {
        var folder = folder
        while folder.path != "/", !FileManager.default.fileExists(atPath: folder.path) {
            folder.deleteLastPathComponent()
        }
        return folder
    }

    private static func writable(_ subject: String, folder: URL) -> Check {
        let place = existing(folder)
        guard access(place.path, W_OK | X_OK) == 0 else {
            return Check(subject, .output(path: place.path, cause: systemMessage(errno)))
        }
        return Check(.ok, subject, "\(place.path): can be written")
    }

    private static func space(for subject: String, folder: URL, floor: UInt64) -> Check {
        let place = existing(folder).path
        var free: UInt64 = 0
        let error = nr_free_space(place, &free)
        guard error == 0 else { return Check(subject, .system(action: "\(place): asking for free space", code: error)) }
        guard free >= floor else { return Check(subject, .diskSpace(path: place, free: free, floor: floor)) }
        let text = "\(place): \(ByteSize.text(free)) free"
        // A night of 10,000 scans takes about 100 MB with its thumbnails.
        return free < floor + (1 << 30)
            ? Check(.warn, subject, text + ", which may not last for a large night") : Check(.ok, subject, text)
    }

    private static func isLocked(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
