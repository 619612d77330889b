# A room is one static library, bantam_<name> (alias bantam::<name>), that may only link rooms above it.
#
#   bantam_room(generate SOURCES sampler.cc scorer.cc DEPENDS model LIBRARIES fmt::fmt)
#
# The order below is the order of the architecture; a room that depends on a later one does not configure.
set(BANTAM_ROOM_ORDER base tensor stats text sense nn model generate retrieve verify data train compress
    eval reason agent guard recipe serve cli)

function(bantam_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  list(FIND BANTAM_ROOM_ORDER ${name} own_rank)
  if(own_rank EQUAL -1)
    message(FATAL_ERROR "bantam_room(${name}): not in BANTAM_ROOM_ORDER (cmake/room.cmake)")
  endif()
  add_library(bantam_${name} STATIC ${ROOM_SOURCES})
  add_library(bantam::${name} ALIAS bantam_${name})
  target_compile_features(bantam_${name} PUBLIC cxx_std_20)
  target_include_directories(bantam_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # Warnings and hardening are this build's choice, not that of programs which use the installed library.
  target_link_libraries(bantam_${name} PUBLIC $<BUILD_INTERFACE:bantam_flags> ${ROOM_LIBRARIES})
  foreach(other ${ROOM_DEPENDS})
    list(FIND BANTAM_ROOM_ORDER ${other} other_rank)
    if(other_rank EQUAL -1 OR NOT other_rank LESS own_rank)
      message(FATAL_ERROR "bantam_room(${name}): ${other} is not a room above it")
    endif()
    target_link_libraries(bantam_${name} PUBLIC bantam_${other})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY BANTAM_ROOMS ${name})
endfunction()

# A test file is one executable-free unit: all tests of a room link into bantam_test_<room>.
#
#   bantam_tests(text SOURCES bpe_test.cc template_test.cc LABELS unit DEPENDS text)
#
# LABELS says what the tests need: unit (nothing), ops, golden (files in tests/golden), shared (the data folder
# beside the project), slow (minutes). DEPENDS may name any room.
function(bantam_tests name)
  cmake_parse_arguments(TESTS "" "" "SOURCES;LABELS;DEPENDS" ${ARGN})
  set(target bantam_test_${name})
  add_executable(${target} ${TESTS_SOURCES})
  target_link_libraries(${target} PRIVATE GTest::gmock GTest::gtest GTest::gtest_main)
  foreach(room ${TESTS_DEPENDS})
    target_link_libraries(${target} PRIVATE bantam_${room})
  endforeach()
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE
    BANTAM_SOURCE_DIR="${PROJECT_SOURCE_DIR}" BANTAM_PROGRAM="${PROJECT_BINARY_DIR}/bantam")
  gtest_discover_tests(${target} PROPERTIES LABELS "${TESTS_LABELS}" TIMEOUT 600 DISCOVERY_TIMEOUT 60
                       DISCOVERY_MODE PRE_TEST)
endfunction()
