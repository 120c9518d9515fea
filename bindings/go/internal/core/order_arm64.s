//go:build !race

#include "textflag.h"

// STLR is a store with release order.

// func Publish(word, state *uintptr, h uintptr, lock *uintptr)
TEXT ·Publish(SB), NOSPLIT, $0-32
	MOVD word+0(FP), R0
	MOVD state+8(FP), R1
	MOVD h+16(FP), R2
	MOVD lock+24(FP), R3
	STLR R2, (R0)
	STLR R2, (R1)
	STLR ZR, (R3)
	RET

// func Release(word *uintptr, value uintptr)
TEXT ·Release(SB), NOSPLIT, $0-16
	MOVD word+0(FP), R0
	MOVD value+8(FP), R2
	STLR R2, (R0)
	RET
