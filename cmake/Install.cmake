# What `cmake --install` puts where. The Debian package (deploy/debian) and the container image are made
# of the same files.
include(GNUInstallDirs)

set(AIRCHECK_UNIT_DIR lib/systemd/system CACHE STRING "systemd's units, below the prefix")

# A completion script is what the program prints: it cannot differ from the commands.
set(completions bash zsh fish)
foreach(shell ${completions})
    add_custom_command(
        TARGET aircheck POST_BUILD
        COMMAND sh -c "./aircheck completion ${shell} >completion.${shell}"
        BYPRODUCTS ${PROJECT_BINARY_DIR}/completion.${shell}
        WORKING_DIRECTORY $<TARGET_FILE_DIR:aircheck>
        VERBATIM
    )
endforeach()

# The unit and the manual page name the places of the prefix, which is known when it is installed.
install(
    CODE "
    set(AIRCHECK_VERSION ${PROJECT_VERSION})
    set(AIRCHECK_BIN_DIR \${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR})
    set(AIRCHECK_CONFIG_DIR \${CMAKE_INSTALL_PREFIX}/etc/aircheck)
    if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
        set(AIRCHECK_CONFIG_DIR /etc/aircheck)
    endif()
    foreach(name aircheck.service aircheck.1)
        configure_file(${PROJECT_SOURCE_DIR}/deploy/\${name}.in ${PROJECT_BINARY_DIR}/placed/\${name} @ONLY)
    endforeach()"
)
install(TARGETS aircheck RUNTIME)
install(FILES ${PROJECT_BINARY_DIR}/placed/aircheck.service DESTINATION ${AIRCHECK_UNIT_DIR})
install(FILES ${PROJECT_SOURCE_DIR}/deploy/aircheck.sysusers DESTINATION lib/sysusers.d RENAME aircheck.conf)
install(FILES ${PROJECT_BINARY_DIR}/placed/aircheck.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES LICENSE NOTICE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(
    FILES deploy/config.yaml deploy/drop-in.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
)
install(
    FILES ${PROJECT_BINARY_DIR}/completion.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME aircheck
)
install(
    FILES ${PROJECT_BINARY_DIR}/completion.zsh
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
    RENAME _aircheck
)
install(
    FILES ${PROJECT_BINARY_DIR}/completion.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
    RENAME aircheck.fish
)
