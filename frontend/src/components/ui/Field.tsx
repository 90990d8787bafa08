import { Field as BaseField } from '@base-ui/react/field';
import type { ReactNode } from 'react';
import styles from './Field.module.css';

interface FieldProps {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  /** Error message. It also marks the control as invalid. */
  readonly error?: ReactNode;
  readonly name?: string;
  /** One control of this folder, such as Input, TextArea or Select. */
  readonly children: ReactNode;
}

/** Control with its label, hint and error, which screen readers read together. */
export function Field({ label, hint, error, name, children }: FieldProps) {
  return (
    <BaseField.Root
      className={styles.field}
      invalid={Boolean(error)}
      {...(name === undefined ? {} : { name })}
    >
      <BaseField.Label className={styles.label}>{label}</BaseField.Label>
      {children}
      {hint !== undefined && <BaseField.Description className={styles.hint}>{hint}</BaseField.Description>}
      <BaseField.Error className={styles.error} match={Boolean(error)}>
        {error}
      </BaseField.Error>
    </BaseField.Root>
  );
}
