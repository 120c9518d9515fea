//go:build !race

#include "textflag.h"

// On amd64 stores become visible in program order, so each of them has release order.

// func Publish(word, state *uintptr, h uintptr, lock *uintptr)
TEXT ·Publish(SB), NOSPLIT, $0-32
	MOVQ word+0(FP), AX
	MOVQ state+8(FP), BX
	MOVQ h+16(FP), CX
	MOVQ lock+24(FP), DX
	MOVQ CX, (AX)
	MOVQ CX, (BX)
	MOVQ $0, (DX)
	RET

// func Release(word *uintptr, value uintptr)
TEXT ·Release(SB), NOSPLIT, $0-16
	MOVQ word+0(FP), AX
	MOVQ value+8(FP), CX
	MOVQ CX, (AX)
	RET
