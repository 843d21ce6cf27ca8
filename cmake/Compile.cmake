# Flags of our own targets; third-party headers are SYSTEM and so exempt from the warnings.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
    # Build folders and checkouts share one cache: neither's place is part of the hash.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE}
    )
endif()
find_program(MOLD mold)
if(MOLD)
    add_link_options(-fuse-ld=mold)
endif()

add_library(aircheck_options INTERFACE)
target_compile_options(
    aircheck_options
    INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
              -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough
)
# Debian 12's g++ is what we hold to zero warnings; other compilers, and it with sanitizers (which
# make it see what is not there), warn without failing the build.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13
   AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_compile_options(aircheck_options INTERFACE -Werror)
endif()
target_compile_definitions(aircheck_options INTERFACE AIRCHECK_VERSION="${PROJECT_VERSION}")
target_include_directories(
    aircheck_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}
)
target_include_directories(aircheck_options SYSTEM INTERFACE ${PROJECT_BINARY_DIR}/generated)
