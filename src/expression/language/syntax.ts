// The tree of an expression.

export type Node =
  | {
      readonly kind: 'constant';
      readonly value: null | boolean | string | number | bigint;
      readonly float: boolean;
      readonly offset: number;
    }
  | { readonly kind: 'name'; readonly name: string; readonly offset: number }
  | { readonly kind: 'list' | 'tuple'; readonly items: readonly Node[]; readonly offset: number }
  | {
      readonly kind: 'dict';
      readonly pairs: readonly (readonly [Node, Node])[];
      readonly offset: number;
    }
  | {
      readonly kind: 'attribute';
      readonly of: Node;
      readonly name: string;
      readonly offset: number;
    }
  | { readonly kind: 'item'; readonly of: Node; readonly key: Node; readonly offset: number }
  | {
      readonly kind: 'slice';
      readonly of: Node;
      readonly start: Node | undefined;
      readonly stop: Node | undefined;
      readonly step: Node | undefined;
      readonly offset: number;
    }
  | { readonly kind: 'call'; readonly of: Node; readonly args: Arguments; readonly offset: number }
  | {
      readonly kind: 'filter' | 'test';
      readonly of: Node;
      readonly name: string;
      readonly args: Arguments;
      readonly offset: number;
    }
  | { readonly kind: 'unary'; readonly sign: UnarySign; readonly of: Node; readonly offset: number }
  | {
      readonly kind: 'binary';
      readonly sign: BinarySign;
      readonly left: Node;
      readonly right: Node;
      readonly offset: number;
    }
  | { readonly kind: 'concat'; readonly items: readonly Node[]; readonly offset: number }
  | {
      readonly kind: 'compare';
      readonly first: Node;
      readonly rest: readonly (readonly [CompareSign, Node])[];
      readonly offset: number;
    }
  | {
      readonly kind: 'if';
      readonly test: Node;
      readonly yes: Node;
      readonly no: Node | undefined;
      readonly offset: number;
    };

export interface Arguments {
  readonly positional: readonly Node[];
  readonly named: readonly (readonly [string, Node])[];
  /** `*list` and `**mapping` */
  readonly spread: Node | undefined;
  readonly spreadNamed: Node | undefined;
}

type UnarySign = 'not' | '-' | '+';
export type BinarySign = '+' | '-' | '*' | '/' | '//' | '%' | '**' | 'and' | 'or';
export type CompareSign = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export const noArguments: Arguments = {
  positional: [],
  named: [],
  spread: undefined,
  spreadNamed: undefined,
};
