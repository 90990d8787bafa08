import { Field } from '@base-ui/react/field';
import type { ComponentProps } from 'react';
import styles from './Input.module.css';

export function Input(props: Omit<ComponentProps<'input'>, 'defaultValue' | 'value'> & { value?: string }) {
  return <Field.Control {...props} className={styles.control} />;
}

export function TextArea({
  rows = 5,
  ...rest
}: Omit<ComponentProps<'textarea'>, 'defaultValue' | 'value'> & { value?: string }) {
  return (
    <Field.Control
      render={<textarea rows={rows} {...rest} />}
      value={rest.value ?? ''}
      className={styles.control}
    />
  );
}
