// Function of the standard cells that multiplier netlists use without defining them. A file's own
// definition of a cell takes precedence. An addition becomes one sum gate and one carry gate.

module INVX1(input A, output Y);
  assign Y = ~A;
endmodule

module BUFX2(input A, output Y);
  assign Y = A;
endmodule

module AND2X1(input A, input B, output Y);
  assign Y = A & B;
endmodule

module OR2X1(input A, input B, output Y);
  assign Y = A | B;
endmodule

module NAND2X1(input A, input B, output Y);
  assign Y = ~(A & B);
endmodule

module NOR2X1(input A, input B, output Y);
  assign Y = ~(A | B);
endmodule

module NAND3X1(input A, input B, input C, output Y);
  assign Y = ~(A & B & C);
endmodule

module NOR3X1(input A, input B, input C, output Y);
  assign Y = ~(A | B | C);
endmodule

module XOR2X1(input A, input B, output Y);
  assign Y = A ^ B;
endmodule

module XNOR2X1(input A, input B, output Y);
  assign Y = ~(A ^ B);
endmodule

module AOI21X1(input A, input B, input C, output Y);
  assign Y = ~((A & B) | C);
endmodule

module OAI21X1(input A, input B, input C, output Y);
  assign Y = ~((A | B) & C);
endmodule

// Not inverting, unlike the cell of the same name in some libraries.
module MUX2X1(input A, input B, input S, output Y);
  assign Y = S ? B : A;
endmodule

module HAX1(input A, input B, output YS, output YC);
  assign {YC, YS} = A + B;
endmodule

module FAX1(input A, input B, input C, output YS, output YC);
  assign {YC, YS} = A + B + C;
endmodule

// A faulty renaming left evoapprox8b's files with these three names, which no file defines; the
// published figures of the circuits hold for NAND, XOR and XNOR.
module NPDKGEPDKGENNAND2X1(input A, input B, output Y);
  assign Y = ~(A & B);
endmodule

module XPDKGENOR2X1(input A, input B, output Y);
  assign Y = A ^ B;
endmodule

module XNPDKGENOR2X1(input A, input B, output Y);
  assign Y = ~(A ^ B);
endmodule

// Cells of Yosys, as `write_verilog -noexpr` and `write_blif -icells` name them.

module \$_NOT_ (input A, output Y);
  assign Y = ~A;
endmodule

module \$_BUF_ (input A, output Y);
  assign Y = A;
endmodule

module \$_AND_ (input A, input B, output Y);
  assign Y = A & B;
endmodule

module \$_NAND_ (input A, input B, output Y);
  assign Y = ~(A & B);
endmodule

module \$_OR_ (input A, input B, output Y);
  assign Y = A | B;
endmodule

module \$_NOR_ (input A, input B, output Y);
  assign Y = ~(A | B);
endmodule

module \$_XOR_ (input A, input B, output Y);
  assign Y = A ^ B;
endmodule

module \$_XNOR_ (input A, input B, output Y);
  assign Y = ~(A ^ B);
endmodule

module \$_ANDNOT_ (input A, input B, output Y);
  assign Y = A & ~B;
endmodule

module \$_ORNOT_ (input A, input B, output Y);
  assign Y = A | ~B;
endmodule

module \$_MUX_ (input A, input B, input S, output Y);
  assign Y = S ? B : A;
endmodule

module \$_NMUX_ (input A, input B, input S, output Y);
  assign Y = ~(S ? B : A);
endmodule

module \$_AOI3_ (input A, input B, input C, output Y);
  assign Y = ~((A & B) | C);
endmodule

module \$_OAI3_ (input A, input B, input C, output Y);
  assign Y = ~((A | B) & C);
endmodule

module \$_AOI4_ (input A, input B, input C, input D, output Y);
  assign Y = ~((A & B) | (C & D));
endmodule

module \$_OAI4_ (input A, input B, input C, input D, output Y);
  assign Y = ~((A | B) & (C | D));
endmodule

module \$_MUX4_ (input A, input B, input C, input D, input S, input T, output Y);
  assign Y = T ? (S ? D : C) : (S ? B : A);
endmodule

module \$_MUX8_ (input A, input B, input C, input D, input E, input F, input G, input H,
                 input S, input T, input U, output Y);
  assign Y = U ? (T ? (S ? H : G) : (S ? F : E)) : (T ? (S ? D : C) : (S ? B : A));
endmodule
