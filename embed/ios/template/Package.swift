// swift-tools-version:5.9
import PackageDescription

// The C is there twice, with the same bits. The XCFramework holds it compiled for iOS and its
// simulator, with the kernels of arm64; so the package may be added by path or by version. Everywhere
// else, and where EDGERNN_SOURCES is set, portable sources are compiled; the flags that their bits
// hang on make Swift Package Manager take the package by path or branch alone.
#if os(Linux)
let prebuilt = false
#else
let prebuilt = Context.environment["EDGERNN_SOURCES"] == nil
#endif

let code: Target =
  prebuilt
  ? .binaryTarget(name: "@CODE@", path: "@CODE@.xcframework")
  : .target(
    name: "@CODE@",
    path: "Sources/@CODE@",
    cSettings: [.unsafeFlags([@FLAGS@])])

let package = Package(
  name: "@MODULE@",
  platforms: [.iOS(.v13), .macOS(.v11)],
  products: [.library(name: "@MODULE@", targets: ["@MODULE@"])],
  targets: [
    code,
    .target(
      name: "@MODULE@",
      dependencies: ["@CODE@"],
      resources: [.copy("PrivacyInfo.xcprivacy")]),
    .executableTarget(name: "@MODULE@Example", dependencies: ["@MODULE@"]),
    .testTarget(
      name: "@MODULE@Tests",
      dependencies: ["@MODULE@"],
      resources: [.copy("golden")]),
  ],
  cLanguageStandard: .c99
)
