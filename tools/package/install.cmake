# Installs what depends on the prefix: haft.pc, the files of find_package and the script of gdb. CMakeLists.txt runs it when CMake
# installs, with variables of its own as haft_VARIABLE. tools/install.sh and meson.build do the same.

# Absolute folders stay as they are.
foreach(folder LIBDIR INCLUDEDIR DATAROOTDIR)
  set(${folder} "${haft_CMAKE_INSTALL_${folder}}")
  if(NOT IS_ABSOLUTE "${${folder}}")
    set(${folder} "${CMAKE_INSTALL_PREFIX}/${${folder}}")
  endif()
  string(REPLACE "//" "/" ${folder} "${${folder}}")
endforeach()

set(PREFIX "${CMAKE_INSTALL_PREFIX}")
set(VERSION "${haft_PROJECT_VERSION}")
set(SOVERSION "${haft_PROJECT_VERSION_MAJOR}")
set(SIZEOF_VOID_P "${haft_CMAKE_SIZEOF_VOID_P}")
file(RELATIVE_PATH INCLUDE_FROM_LIB "${LIBDIR}" "${INCLUDEDIR}")
foreach(folder LIBDIR INCLUDEDIR)
  set(PC_${folder} "${${folder}}")
  string(FIND "${${folder}}/" "${PREFIX}/" place)
  if(place EQUAL 0)
    string(LENGTH "${PREFIX}" length)
    string(SUBSTRING "${${folder}}" ${length} -1 rest)
    set(PC_${folder} "\${prefix}${rest}")
  endif()
endforeach()

set(templates "${haft_CMAKE_CURRENT_SOURCE_DIR}/tools/package")
set(made "${haft_CMAKE_CURRENT_BINARY_DIR}/package")
foreach(file haft.pc haft-config.cmake haft-config-version.cmake)
  configure_file("${templates}/${file}.in" "${made}/${file}" @ONLY)
endforeach()
file(INSTALL DESTINATION "${LIBDIR}/pkgconfig" TYPE FILE FILES "${made}/haft.pc")
file(INSTALL DESTINATION "${LIBDIR}/cmake/haft" TYPE FILE FILES
  "${made}/haft-config.cmake" "${made}/haft-config-version.cmake")
# Where gdb looks for it, if its data are below the same prefix.
file(INSTALL DESTINATION "${DATAROOTDIR}/gdb/auto-load${LIBDIR}" TYPE FILE RENAME "libhaft.so.${VERSION}-gdb.py"
  FILES "${haft_CMAKE_CURRENT_SOURCE_DIR}/tools/gdb/haft.py")
