# Everything comes from Debian 12 or Ubuntu 24.04 packages (tools/bootstrap installs them).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(GTest REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)
pkg_check_modules(srtp REQUIRED IMPORTED_TARGET libsrtp2)
# SOCI's PostgreSQL header includes libpq's.
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(opus REQUIRED IMPORTED_TARGET opus)
pkg_check_modules(libav REQUIRED IMPORTED_TARGET libavcodec libavformat libavutil)

pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)

# SOCI's own package files differ between the two systems: the libraries are named directly.
add_library(soci INTERFACE)
target_link_libraries(soci INTERFACE soci_core soci_sqlite3 soci_postgresql PkgConfig::libpq)
target_include_directories(soci SYSTEM INTERFACE /usr/include/soci)
