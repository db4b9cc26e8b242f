# Machine code that native.py puts into the fork server, for what must not run in Python: each page of memory that a copy
# of the interpreter writes to is a page to copy, and Python writes to each object that it looks at.

        .text

# long carry_out(struct row *): make system calls one after the other. A row is {call, arguments 1 to 6}, 8 bytes each;
# call -1 ends them. Argument 1 of -1 stands for what the last open(2) gave. Gives 0, or 1 << 32 | the offset of the row
# that failed << 16 | errno, and leaves out the rest.

carry_out:
        push    %r12
        push    %r13
        push    %r14
        mov     %rdi, %r12              # the first row
        mov     %rdi, %r13              # this row
        mov     $-1, %r14               # what the last open gave
row:    mov     0(%r13), %rax
        cmp     $-1, %rax
        je      done
        mov     8(%r13), %rdi
        cmp     $-1, %rdi
        cmove   %r14, %rdi
        mov     16(%r13), %rsi
        mov     24(%r13), %rdx
        mov     32(%r13), %r10
        mov     40(%r13), %r8
        mov     48(%r13), %r9
        syscall
        test    %rax, %rax
        js      failed
        cmpq    $2, 0(%r13)             # open
        cmove   %rax, %r14
        add     $56, %r13
        jmp     row
failed: neg     %rax
        sub     %r12, %r13
        shl     $16, %r13
        or      %r13, %rax
        bts     $32, %rax
        jmp     back
done:   xor     %eax, %eax
back:   pop     %r14
        pop     %r13
        pop     %r12
        ret

# long birth(struct birth *): clone a run's first two processes. The clone shares our memory, while we wait, until it has
# become init, process 1 of the run, by execve; before that it has a child, which becomes the program. In the fork server
# gives the clone's pid, or a negative errno; in the program 0, or what carry_out gives when a row fails. A clone whose
# own rows fail tells the host so, and ends.

        .set    flags, 0                # of clone(2)
        .set    walls, 8                # rows: in the clone, before the program is born
        .set    init_rows, 16           # rows: in the clone, after that; the last one becomes init
        .set    program_rows, 24        # rows: in the program
        .set    fork, 32                # the C library's, which puts the library right in the child
        .set    line, 40                # descriptor of the socket to the host
        .set    failed_letter, 47       # what the clone tells the host: a letter, and in the next eight bytes
        .set    failed_result, 48       # what carry_out gave

birth:  push    %rbx
        push    %rbp
        push    %r12                    # three, so that the stack is aligned for calls
        mov     %rdi, %rbx
        mov     flags(%rbx), %rdi
        xor     %esi, %esi
        xor     %edx, %edx
        xor     %r10d, %r10d
        xor     %r8d, %r8d
        mov     $56, %eax               # clone
        syscall
        test    %rax, %rax
        jnz     out
        mov     walls(%rbx), %rdi
        call    carry_out
        test    %rax, %rax
        jnz     tell
        call    *fork(%rbx)
        test    %eax, %eax
        jz      program
        js      no_fork
        mov     init_rows(%rbx), %rdi
        call    carry_out               # comes back only if it failed
        jmp     tell
no_fork:
        mov     $11, %eax               # EAGAIN
        bts     $32, %rax
tell:   mov     %rax, failed_result(%rbx)
        mov     line(%rbx), %edi
        lea     failed_letter(%rbx), %rsi
        mov     $9, %edx
        mov     $1, %eax                # write
        syscall
        mov     $1, %edi
        mov     $231, %eax              # exit_group
        syscall
program:
        mov     program_rows(%rbx), %rdi
        call    carry_out
out:    pop     %r12
        pop     %rbp
        pop     %rbx
        ret

# Init, a program of its own: reaps until the program, process 2, has ended, tells the host on descriptor 0, kills and
# reaps whatever is left, so that its processor time counts too, and ends.

        .set    message, 3              # on the stack: a letter, and in the next four bytes
        .set    status, 4               # the program's wait status

init:   mov     $1, %edi                # PR_SET_PDEATHSIG
        mov     $9, %esi                # SIGKILL
        mov     $157, %eax              # prctl
        syscall
        sub     $16, %rsp
reap:   mov     $-1, %rdi
        lea     status(%rsp), %rsi
        xor     %edx, %edx
        xor     %r10d, %r10d
        mov     $61, %eax               # wait4
        syscall
        cmp     $-10, %eax              # ECHILD
        je      gone
        cmp     $2, %eax
        jne     reap
        movb    $'E', message(%rsp)
        xor     %edi, %edi
        lea     message(%rsp), %rsi
        mov     $5, %edx
        mov     $1, %eax                # write
        syscall
        mov     $-1, %rdi
        mov     $9, %esi                # SIGKILL
        mov     $62, %eax               # kill
        syscall
        jmp     reap
gone:   xor     %edi, %edi
        mov     $231, %eax              # exit_group
        syscall
