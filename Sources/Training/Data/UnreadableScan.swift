import Imaging
import Pipeline

extension DataError.UnreadableScan {
    /// What an error says of a scan; nil where it is not the scan that is at fault.
    init?(_ scan: LabelledScan, _ error: any Error) {
        let reason: String
        switch error {
        case PipelineError.scan(let error): reason = Self.reason(error)
        case PipelineError.lostScan(_, let kind, let text): reason = "\(kind.rawValue): \(text)"
        case let error as ImagingError: reason = Self.reason(error)
        default: return nil
        }
        self.init(path: scan.name, reason: reason)
    }

    private static func reason(_ error: ImagingError) -> String {
        switch error {
        case .undecodable(_, _, let reason), .unreadable(_, let reason): reason
        default: "\(error)"
        }
    }
}
