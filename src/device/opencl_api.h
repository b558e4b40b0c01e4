/* OpenCL's loader and CLBlast, taken in when a device is asked for and not when loci starts: where
 * they are not, everything else is as it was, and where they are, nobody waits for them.  Private
 * to src/device. */
#ifndef LOCI_DEVICE_OPENCL_API_H
#define LOCI_DEVICE_OPENCL_API_H

#ifndef CL_TARGET_OPENCL_VERSION /* CLBlast's header has it, too */
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "base/status.h"

#define CL_FUNCTIONS(X)                                                                            \
  X(clBuildProgram)                                                                                \
  X(clCreateBuffer)                                                                                \
  X(clCreateCommandQueue) X(clCreateContext) X(clCreateKernel) X(clCreateProgramWithSource)        \
      X(clEnqueueFillBuffer) X(clEnqueueNDRangeKernel) X(clEnqueueReadBuffer)                      \
          X(clEnqueueWriteBuffer) X(clFinish) X(clGetDeviceIDs) X(clGetDeviceInfo)                 \
              X(clGetPlatformIDs) X(clGetProgramBuildInfo) X(clReleaseCommandQueue)                \
                  X(clReleaseContext) X(clReleaseKernel) X(clReleaseMemObject) X(clReleaseProgram) \
                      X(clSetKernelArg)
typedef struct cl_functions {
#define X(name) __typeof__(name) *name;
  CL_FUNCTIONS(X)
#undef X
  void *sgemm; /* CLBlast's */
} cl_functions;

/* Filled in once, by cl_load. */
extern cl_functions cl_api;
loci_status cl_load(const char *device, loci_err *err);

#ifndef LOCI_CL_OWN_NAMES
#define clBuildProgram cl_api.clBuildProgram
#define clCreateBuffer cl_api.clCreateBuffer
#define clCreateCommandQueue cl_api.clCreateCommandQueue
#define clCreateContext cl_api.clCreateContext
#define clCreateKernel cl_api.clCreateKernel
#define clCreateProgramWithSource cl_api.clCreateProgramWithSource
#define clEnqueueFillBuffer cl_api.clEnqueueFillBuffer
#define clEnqueueNDRangeKernel cl_api.clEnqueueNDRangeKernel
#define clEnqueueReadBuffer cl_api.clEnqueueReadBuffer
#define clEnqueueWriteBuffer cl_api.clEnqueueWriteBuffer
#define clFinish cl_api.clFinish
#define clGetDeviceIDs cl_api.clGetDeviceIDs
#define clGetDeviceInfo cl_api.clGetDeviceInfo
#define clGetPlatformIDs cl_api.clGetPlatformIDs
#define clGetProgramBuildInfo cl_api.clGetProgramBuildInfo
#define clReleaseCommandQueue cl_api.clReleaseCommandQueue
#define clReleaseContext cl_api.clReleaseContext
#define clReleaseKernel cl_api.clReleaseKernel
#define clReleaseMemObject cl_api.clReleaseMemObject
#define clReleaseProgram cl_api.clReleaseProgram
#define clSetKernelArg cl_api.clSetKernelArg
#endif

#endif
