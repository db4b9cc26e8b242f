# Machine code that native.py puts into the fork server, for what must not run in Python: each page of memory that a copy
# of the interpreter writes to is a page to copy, and Python writes to each object that it looks at.

        .text

# long carry_out(struct row *): make system calls one after the other. A row is {int call, int may_fail, long arguments[6]};
# call -1 ends them. Argument 1 of -1 stands for what the last open(2) gave. What write(2) or pwrite(2) do not write whole
# fails for want of room. Gives 0, or 1 << 62 | the offset of the row that failed << 16 | errno, and leaves out the rest.

        .set    row_size, 56

carry_out:
        push    %r12
        push    %r13
        push    %r14
        mov     %rdi, %r12              # the first row
        mov     %rdi, %r13              # this row
        mov     $-1, %r14               # what the last open gave
row:    mov     0(%r13), %eax
        cmp     $-1, %eax
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
        cmpl    $2, 0(%r13)             # open
        cmove   %rax, %r14
        cmpl    $1, 0(%r13)             # write
        je      whole
        cmpl    $18, 0(%r13)            # pwrite
        jne     after
whole:  cmp     %rdx, %rax
        je      after
        mov     $-28, %rax              # ENOSPC
failed: cmpl    $0, 4(%r13)
        je      hard
after:  add     $row_size, %r13
        jmp     row
hard:   neg     %rax
        sub     %r12, %r13
        shl     $16, %r13
        or      %r13, %rax
        bts     $62, %rax
        jmp     back
done:   xor     %eax, %eax
back:   pop     %r14
        pop     %r13
        pop     %r12
        ret

# long receive(int socket, struct message *, long length): wait for one byte with descriptors beside it, whose control message
# has this length, 16 and 4 for each. None of them outlives an execve. Gives 0, or what carry_out does
# when something else came, or nothing will any more.

        .set    letter, 72              # in a message: a struct msghdr, an iovec, the byte,
        .set    control, 80             # and the control message
        .set    descriptors, 96
        .set    message_size, 112

receive:
        xor     %eax, %eax
        mov     %rax, 0(%rsi)           # no name
        mov     %rax, 8(%rsi)
        lea     56(%rsi), %rcx
        mov     %rcx, 16(%rsi)          # one iovec
        movq    $1, 24(%rsi)
        lea     control(%rsi), %rcx
        mov     %rcx, 32(%rsi)
        movq    $message_size - control, 40(%rsi)
        mov     %rax, 48(%rsi)          # no flags
        lea     letter(%rsi), %rcx
        mov     %rcx, 56(%rsi)          # of one byte
        movq    $1, 64(%rsi)
        mov     %rax, control(%rsi)
        mov     %rdx, %r8
        mov     $0x40000000, %edx       # MSG_CMSG_CLOEXEC
        mov     $47, %eax               # recvmsg
        syscall
        test    %rax, %rax
        js      broken
        mov     $-71, %rax              # EPROTO
        cmp     %r8, control(%rsi)
        jne     broken
        xor     %eax, %eax
        ret
broken: neg     %rax
        bts     $62, %rax
        ret

# long serve(struct server *): carry out the first rows, then clone a run's first two processes whenever told to, until
# nobody is left who could, or we cannot go on. Gives what carry_out gives when one of the first rows fails; else comes
# back only in a program, when its job has come and its walls stand, with the descriptor of the socket to the host.
#
# The order for a clone is the number of a control group, with three descriptors beside it: the program's end of the
# socket to the host, its standard output, its standard error. The answer is the clone's pid, or a negative errno.
#
# The clone shares our memory, while we wait, until it has become init, process 1 of the run, by execve; before that it
# has a child, which becomes the program. That waits for its job: a sheet, which begins with the offset of its rows, and
# the standard input. Whoever fails before that tells the host, and ends with 1.

        .set    flags, 0                # of clone(2)
        .set    first_rows, 8
        .set    walls, 16               # rows: in the clone, before the program is born
        .set    init_rows, 24           # rows: in the clone, after that; the last one becomes init
        .set    program_rows, 32        # rows: in the program
        .set    fork, 40                # the C library's, which puts the library right in the child
        .set    sheet, 48               # where sheets are mapped
        .set    home, 56                # rows: enter our own control group
        .set    groups, 64              # rows: enter the first of the runs' groups, or the second
        .set    channel, 80             # descriptor of the socket on which orders come
        .set    failed_letter, 84       # what the host is told: a letter, and what carry_out gave

        .set    status, 112             # on the stack, behind a message: a struct stat,
        .set    size, status + 48       # of it what matters to us,
        .set    told, 240               # and what is told to the host
        .set    frame, 264

serve:  push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        sub     $frame, %rsp            # so that the stack is aligned for calls
        mov     %rdi, %rbx
        mov     first_rows(%rbx), %rdi
        call    carry_out
        test    %rax, %rax
        jnz     out

order:  mov     channel(%rbx), %edi
        mov     %rsp, %rsi
        mov     $28, %edx
        call    receive
        test    %rax, %rax
        jnz     gone
        mov     descriptors(%rsp), %r13d        # the socket
        mov     descriptors + 4(%rsp), %r14d    # standard output
        mov     descriptors + 8(%rsp), %r15d    # standard error
        movzbl  letter(%rsp), %eax
        mov     groups(%rbx, %rax, 8), %rdi
        call    carry_out
        movzwl  %ax, %r12d
        neg     %r12
        test    %rax, %rax
        jnz     answer
        mov     flags(%rbx), %rdi
        xor     %esi, %esi
        xor     %edx, %edx
        xor     %r10d, %r10d
        xor     %r8d, %r8d
        mov     $56, %eax               # clone
        syscall
        mov     %rax, %r12
        test    %rax, %rax
        jz      clone
        js      answer
        mov     home(%rbx), %rdi        # before any job comes to the clone
        call    carry_out
        test    %rax, %rax
        jnz     gone                    # else we would stay in the run's group
answer: mov     %r13d, %edi
        mov     $3, %eax                # close
        syscall
        mov     %r14d, %edi
        mov     $3, %eax
        syscall
        mov     %r15d, %edi
        mov     $3, %eax
        syscall
        mov     %r12, told(%rsp)
        mov     channel(%rbx), %edi
        lea     told(%rsp), %rsi
        mov     $4, %edx
        mov     $1, %eax                # write
        syscall
        jmp     order

clone:  mov     %r14d, %edi
        mov     $1, %esi
        mov     $33, %eax               # dup2
        syscall
        mov     %r15d, %edi
        mov     $2, %esi
        mov     $33, %eax
        syscall
        mov     walls(%rbx), %rdi
        call    carry_out
        test    %rax, %rax
        jnz     tell
        call    *fork(%rbx)
        test    %eax, %eax
        jz      program
        js      no_fork
        mov     %r13d, %edi
        xor     %esi, %esi
        mov     $33, %eax
        syscall
        mov     init_rows(%rbx), %rdi
        call    carry_out               # comes back only if it failed
        jmp     tell

program:
        mov     program_rows(%rbx), %rdi
        call    carry_out
        test    %rax, %rax
        jnz     tell
        mov     %r13d, %edi
        mov     %rsp, %rsi
        mov     $24, %edx
        call    receive
        test    %rax, %rax
        jnz     tell
        mov     descriptors + 4(%rsp), %edi
        xor     %esi, %esi
        mov     $33, %eax
        syscall
        mov     descriptors(%rsp), %edi
        lea     status(%rsp), %rsi
        mov     $5, %eax                # fstat
        syscall
        mov     sheet(%rbx), %rdi
        mov     size(%rsp), %rsi
        mov     $1, %edx                # PROT_READ
        mov     $0x100002, %r10d        # MAP_PRIVATE, MAP_FIXED_NOREPLACE
        mov     descriptors(%rsp), %r8d
        xor     %r9d, %r9d
        mov     $9, %eax                # mmap
        syscall
        mov     sheet(%rbx), %rdi
        cmp     %rdi, %rax
        jne     no_memory
        add     (%rdi), %rdi
        call    carry_out
        test    %rax, %rax
        jnz     tell
        mov     %r13d, %eax
out:    add     $frame, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

no_memory:
        mov     $12, %eax               # ENOMEM
        jmp     tell
no_fork:
        mov     $11, %eax               # EAGAIN
tell:   movzbl  failed_letter(%rbx), %ecx
        mov     %cl, told(%rsp)
        mov     %rax, told + 1(%rsp)
        mov     %r13d, %edi
        lea     told(%rsp), %rsi
        mov     $9, %edx
        mov     $1, %eax                # write
        syscall
        mov     $1, %edi
        mov     $231, %eax              # exit_group
        syscall

# Init, a program of its own: reaps until the program, process 2, has ended, tells the host on descriptor 0, kills and
# reaps whatever is left, so that its processor time counts too, and ends.

        .set    end_letter, 3           # on the stack: a letter, and in the next four bytes
        .set    end_status, 4           # the program's wait status

init:   mov     $1, %edi                # PR_SET_PDEATHSIG
        mov     $9, %esi                # SIGKILL
        mov     $157, %eax              # prctl
        syscall
        sub     $16, %rsp
reap:   mov     $-1, %rdi
        lea     end_status(%rsp), %rsi
        xor     %edx, %edx
        xor     %r10d, %r10d
        mov     $61, %eax               # wait4
        syscall
        cmp     $-10, %eax              # ECHILD
        je      gone
        cmp     $2, %eax
        jne     reap
        movb    $'E', end_letter(%rsp)
        xor     %edi, %edi
        lea     end_letter(%rsp), %rsi
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
