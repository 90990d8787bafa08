import { csv } from './csv';

test('quotes cells with commas or quotes', () => {
  expect(
    csv([
      ['day', 'requests'],
      ['2026-11-23', 5],
      ['a "quoted", text', null],
    ]),
  ).toBe('day,requests\r\n2026-11-23,5\r\n"a ""quoted"", text",\r\n');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])(
  'escapes %j so that it is not a formula',
  (name) => {
    expect(csv([[name]])).toMatch(/^"?'/);
  },
);

test('keeps a negative number as a number', () => {
  expect(csv([[-1]])).toBe('-1\r\n');
});
