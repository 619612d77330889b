# cmake --install: the program (component program) and headers, libraries, CMake package (component development).
# cpack: a Debian package of each.
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY BANTAM_ROOMS)
list(REMOVE_ITEM rooms cli)  # the program's own room; its headers are nobody else's business

add_library(bantam_everything INTERFACE)
set_target_properties(bantam_everything PROPERTIES EXPORT_NAME bantam)
install(TARGETS bantam_everything EXPORT bantamTargets COMPONENT development)
foreach(room ${rooms})
  target_link_libraries(bantam_everything INTERFACE bantam_${room})
  set_target_properties(bantam_${room} PROPERTIES EXPORT_NAME ${room})
  install(TARGETS bantam_${room} EXPORT bantamTargets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/bantam/${room}
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bantam COMPONENT development
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(EXPORT bantamTargets NAMESPACE bantam::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bantam COMPONENT development)
configure_package_config_file(cmake/bantamConfig.cmake.in bantamConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bantam)
write_basic_package_version_file(bantamConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bantamConfig.cmake ${PROJECT_BINARY_DIR}/bantamConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bantam COMPONENT development)

if(TARGET bantam)
  install(TARGETS bantam RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program RENAME copyright)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bantam)
set(CPACK_PACKAGE_VENDOR "The Bantam project")
set(CPACK_PACKAGE_CONTACT "The Bantam project")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "makes small language models do the work of large ones")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME bantam)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "One program that fine-tunes, measures, runs and serves small language models on ordinary computers.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbantam-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libdnnl-dev, ocl-icd-opencl-dev, libfmt-dev, nlohmann-json3-dev, libsqlite3-dev, libssl-dev, zlib1g-dev, libhwy-dev, libpcre2-dev, libutf8proc-dev, libtomlplusplus-dev, libcurl4-openssl-dev, libzstd-dev, pkgconf")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "Headers, static libraries and the CMake package of Bantam's C++ library.")
include(CPack)
