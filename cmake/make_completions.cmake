# cmake -DLOCI=program -DIN=folder -DOUT=folder -P make_completions.cmake: the scripts with the table in their place.
execute_process(COMMAND ${LOCI} help --table OUTPUT_VARIABLE table RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${LOCI} help --table: ${failed}")
endif()
string(REPLACE "'" "’" LOCI_TABLE "${table}") # the scripts quote the table in single quotes
foreach(script loci.bash _loci)
  configure_file(${IN}/${script}.in ${OUT}/${script} @ONLY)
endforeach()
