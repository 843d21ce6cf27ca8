# aircheck_layer(NAME [IN folder] [DEPENDS layer...] [USES target...])
#
# Makes aircheck_NAME from every .cpp of src/NAME (or of `folder`) but the tests, and NAME_test from the
# *_test.cpp beside them. Headers form a header set, so that `all_verify_interface_header_sets` compiles
# each alone. .proto files are compiled into generated/NAME/.
#
# AIRCHECK_TEST_LAYERS, when set, builds only these layers' tests and no program: a sanitizer's builds are
# slow, and what hostile bytes and media pass through is what it is for.
set(AIRCHECK_TEST_LAYERS "" CACHE STRING "Layers whose tests are built; empty: all, and the program")
set(AIRCHECK_TEST_ARGUMENTS "" CACHE STRING "Further arguments of each test binary")

function(aircheck_layer name)
    cmake_parse_arguments(LAYER "" "IN" "DEPENDS;USES" ${ARGN})
    set(folder src/${name})
    if(LAYER_IN)
        set(folder ${LAYER_IN})
    endif()
    set(dir ${PROJECT_SOURCE_DIR}/${folder})
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
    file(GLOB headers CONFIGURE_DEPENDS ${dir}/*.hpp)
    file(GLOB protos CONFIGURE_DEPENDS ${dir}/*.proto)
    file(GLOB tests CONFIGURE_DEPENDS ${dir}/*_test.cpp)
    list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
    if(NOT sources AND NOT headers AND NOT protos)
        message(FATAL_ERROR "layer ${name}: nothing in ${folder}")
    endif()

    set(target aircheck_${name})
    add_library(${target} STATIC ${sources} ${PROJECT_SOURCE_DIR}/cmake/layer.cpp)
    target_sources(
        ${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers}
    )
    set(depends ${LAYER_DEPENDS})
    list(TRANSFORM depends PREPEND aircheck_)
    target_link_libraries(
        ${target} PUBLIC ${depends} ${LAYER_USES} Threads::Threads PRIVATE aircheck_options
    )
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
    if(protos)
        set(out ${PROJECT_BINARY_DIR}/generated)
        file(MAKE_DIRECTORY ${out}/${name})
        foreach(proto ${protos})
            get_filename_component(base ${proto} NAME_WE)
            set(made ${out}/${name}/${base}.pb.cc ${out}/${name}/${base}.pb.h)
            add_custom_command(
                OUTPUT ${made}
                COMMAND protobuf::protoc --cpp_out=${out} -I ${PROJECT_SOURCE_DIR}/src ${proto}
                DEPENDS ${protos}
            )
            list(APPEND generated ${made})
        endforeach()
        add_library(${target}_pb STATIC ${generated})
        target_include_directories(${target}_pb SYSTEM PUBLIC ${out})
        target_link_libraries(${target}_pb PUBLIC protobuf::libprotobuf)
        target_link_libraries(${target} PUBLIC ${target}_pb)
    endif()

    if(AIRCHECK_TEST_LAYERS)
        set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
        if(NOT name IN_LIST AIRCHECK_TEST_LAYERS)
            return()
        endif()
    endif()
    if(tests)
        add_executable(${name}_test ${tests})
        target_link_libraries(
            ${name}_test PRIVATE ${target} aircheck_options GTest::gmock GTest::gtest_main
        )
        target_compile_definitions(
            ${name}_test PRIVATE AIRCHECK_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
        )
        add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1 ${AIRCHECK_TEST_ARGUMENTS})
        set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS unit)
    endif()
endfunction()
