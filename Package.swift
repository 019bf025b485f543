// swift-tools-version: 6.2
import PackageDescription

// The dependency lists below are the table "Targets" of Documentation/ARCHITECTURE.md; a test compares the two.

let warningsAreErrors: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

/// C is compiled with optimisation in every configuration: the kernels are unusably slow without.
let optimised: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"])]

/// The same for C++; DCMTK's headers use what later standards have taken back.
let optimisedCxx: [CXXSetting] = [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])]

/// libnifti's headers name each other without the folder that they are installed in.
let libniftiHeaders: [CSetting] = [.unsafeFlags(["-I/usr/include/nifti"])]

/// Debian keeps the serial HDF5's headers and library under these names.
let hdf5Headers: [CSetting] = [.unsafeFlags(["-I/usr/include/hdf5/serial"])]

let codecLibraries = [
    "png16", "tiff", "jpeg", "openjp2", "nifti2", "dcmjpls", "dcmjpeg", "dcmdata", "oflog", "ofstd", "z",
    "isal",
]

func library(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: warningsAreErrors)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: warningsAreErrors)
}

/// What several test targets need.
func support(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: warningsAreErrors)
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "nightread",
    products: [.executable(name: "nightread", targets: ["nightread"])],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CKernels", cSettings: optimised),
        .target(
            name: "CCodecs", dependencies: ["CSystem"], cSettings: optimised + libniftiHeaders,
            cxxSettings: optimisedCxx,
            linkerSettings: codecLibraries.map { .linkedLibrary($0) }),
        .target(
            name: "CContainers", cSettings: optimised + hdf5Headers,
            linkerSettings: ["hdf5_serial", "zip"].map { .linkedLibrary($0) }),
        .target(name: "CSystem", cSettings: optimised),
        library("Tensors", ["CKernels"]),
        library("EfficientNet", ["Tensors", crypto]),
        library("Imaging", ["CCodecs", "CKernels", "Tensors", "EfficientNet"]),
        library("Conversion", ["CContainers", "Tensors", "EfficientNet", "Imaging"]),
        library("Store", ["CSystem", grdb, crypto]),
        library("Pipeline", ["EfficientNet", "Imaging", "Store", "Conversion", "CCodecs", "CSystem", crypto, yams]),
        library(
            "Training",
            [
                "CKernels", "Tensors", "EfficientNet", "Imaging", "Conversion", "Store", "Pipeline", "CSystem", crypto,
                yams,
            ]),
        library("Reporting", ["Store", "Training", mustache], resources: [.embedInCode("Templates")]),
        .executableTarget(
            name: "nightread", dependencies: ["Pipeline", "Reporting", "Training", arguments],
            swiftSettings: warningsAreErrors),

        support("ScanFixtures"),
        support("WeightFixtures", ["EfficientNet", "Tensors"]),
        tests("TensorsTests", ["Tensors", "CKernels"]),
        tests("EfficientNetTests", ["EfficientNet", "WeightFixtures"], resources: [.copy("Fixtures")]),
        tests(
            "TrainingTests",
            ["Training", "CKernels", "EfficientNet", "Imaging", "Pipeline", "Tensors", "WeightFixtures"],
            resources: [.copy("Fixtures")]),
        tests(
            "ImagingTests", ["Imaging", "CCodecs", "CKernels", "ScanFixtures", crypto],
            resources: [.copy("Fixtures")]),
        tests(
            "ConversionTests", ["Conversion", "EfficientNet", "Tensors", "WeightFixtures", crypto],
            resources: [.copy("Fixtures")]),
        tests("StoreTests", ["Store", grdb]),
        tests("PipelineTests", ["Pipeline", "CCodecs", "CSystem"]),
        tests("ReportingTests", ["Reporting", "Training"]),
        tests("EndToEndTests", ["nightread", "Pipeline", "Training", "ScanFixtures", "WeightFixtures", grdb]),
        tests("ArchitectureTests", []),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

// Fuzzing has targets of its own, which nothing else builds: see Tests/Fuzz.
if Context.environment["NIGHTREAD_FUZZ"] != nil {
    package.targets += [
        .target(name: "fuzz-driver", path: "Tests/Fuzz/Driver"),
        .executableTarget(
            name: "fuzz-readers", dependencies: ["fuzz-driver", "Pipeline", "Conversion", "EfficientNet", "Tensors"],
            path: "Tests/Fuzz/Readers"),
    ]
}
