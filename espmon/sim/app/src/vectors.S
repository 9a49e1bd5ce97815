# Reset and trap entry. Registers go to the interrupted stack in the order of RvExcFrame.
        .cfi_sections .debug_frame
        .equ    FRAME, 160

        .section .iram1.vectors,"ax",@progbits
        .globl  call_start_cpu0
        .type   call_start_cpu0, @function
call_start_cpu0:
        .cfi_startproc
        .cfi_undefined ra
        .option push
        .option norelax
        la      gp, __global_pointer$
        .option pop
        la      sp, __isr_stack_top
        la      t0, _vector_table
        csrw    mtvec, t0
        # The first 64 KiB of the address space fault, as on the chip.
        li      t0, 0x1fff
        csrw    pmpaddr0, t0
        li      t0, 0x98
        csrw    pmpcfg0, t0
        call    start_cpu0
        .cfi_endproc
        .size   call_start_cpu0, . - call_start_cpu0

        .balign 256
        .globl  _vector_table
        .type   _vector_table, @function
_vector_table:
        .cfi_startproc
        .cfi_signal_frame
        addi    sp, sp, -FRAME
        .cfi_def_cfa_offset FRAME
        sw      ra, 4(sp)
        sw      gp, 12(sp)
        sw      tp, 16(sp)
        sw      t0, 20(sp)
        sw      t1, 24(sp)
        sw      t2, 28(sp)
        sw      s0, 32(sp)
        sw      s1, 36(sp)
        sw      a0, 40(sp)
        sw      a1, 44(sp)
        sw      a2, 48(sp)
        sw      a3, 52(sp)
        sw      a4, 56(sp)
        sw      a5, 60(sp)
        sw      a6, 64(sp)
        sw      a7, 68(sp)
        sw      s2, 72(sp)
        sw      s3, 76(sp)
        sw      s4, 80(sp)
        sw      s5, 84(sp)
        sw      s6, 88(sp)
        sw      s7, 92(sp)
        sw      s8, 96(sp)
        sw      s9, 100(sp)
        sw      s10, 104(sp)
        sw      s11, 108(sp)
        sw      t3, 112(sp)
        sw      t4, 116(sp)
        sw      t5, 120(sp)
        sw      t6, 124(sp)
        addi    t0, sp, FRAME
        sw      t0, 8(sp)
        csrr    t0, mepc
        sw      t0, 0(sp)
        csrr    t1, mstatus
        sw      t1, 128(sp)
        csrr    t1, mtvec
        sw      t1, 132(sp)
        csrr    a1, mcause
        sw      a1, 136(sp)
        csrr    t1, mtval
        sw      t1, 140(sp)
        csrr    t1, mhartid
        sw      t1, 144(sp)
        li      t1, 11
        bne     a1, t1, panic
        # A yield: step over the ecall, keep the stack, take the next task.
        addi    t0, t0, 4
        sw      t0, 0(sp)
        lw      t1, pxCurrentTCB
        sw      sp, 0(t1)
        la      sp, __isr_stack_top
        call    vTaskSwitchContext
restore:
        lw      t1, pxCurrentTCB
        lw      sp, 0(t1)
        lw      t0, 0(sp)
        csrw    mepc, t0
        lw      ra, 4(sp)
        lw      t0, 20(sp)
        lw      t1, 24(sp)
        lw      t2, 28(sp)
        lw      s0, 32(sp)
        lw      s1, 36(sp)
        lw      a0, 40(sp)
        lw      a1, 44(sp)
        lw      a2, 48(sp)
        lw      a3, 52(sp)
        lw      a4, 56(sp)
        lw      a5, 60(sp)
        lw      a6, 64(sp)
        lw      a7, 68(sp)
        lw      s2, 72(sp)
        lw      s3, 76(sp)
        lw      s4, 80(sp)
        lw      s5, 84(sp)
        lw      s6, 88(sp)
        lw      s7, 92(sp)
        lw      s8, 96(sp)
        lw      s9, 100(sp)
        lw      s10, 104(sp)
        lw      s11, 108(sp)
        lw      t3, 112(sp)
        lw      t4, 116(sp)
        lw      t5, 120(sp)
        lw      t6, 124(sp)
        lw      sp, 8(sp)
        mret
panic:
        mv      a0, sp
        call    panicHandler
        .cfi_endproc
        .size   _vector_table, . - _vector_table

        .globl  vPortStartFirstTask
        .type   vPortStartFirstTask, @function
vPortStartFirstTask:
        .cfi_startproc
        .cfi_undefined ra
        li      t0, 0x1880
        csrw    mstatus, t0
        j       restore
        .cfi_endproc
        .size   vPortStartFirstTask, . - vPortStartFirstTask
